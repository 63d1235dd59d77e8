export { delivery } from './delivery.ts';
export { replay } from './replay.ts';
export { session } from './session.ts';
export { settling } from './settling.ts';
