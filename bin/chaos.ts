import { optionsOrExit, runTrial, tell } from './command.ts';
import { readOptions, usage } from '../test/chaos/options.ts';
import { isGood, textOf } from '../test/chaos/report.ts';
import { runChaos } from '../test/chaos/run.ts';

const options = optionsOrExit(readOptions, usage);
await runTrial({ run: (signal) => runChaos(options, tell, signal), json: options.json, textOf, isGood });
