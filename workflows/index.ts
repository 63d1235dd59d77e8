export { delivery } from './delivery.ts';
export { session } from './session.ts';
