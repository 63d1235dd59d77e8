import { optionsOrExit, runTrial, tell } from './command.ts';
import { readOptions, usage } from '../test/soak/options.ts';
import { isGood, textOf } from '../test/soak/report.ts';
import { runSoak } from '../test/soak/run.ts';

const options = optionsOrExit(readOptions, usage);
await runTrial({ run: (signal) => runSoak(options, tell, signal), json: options.json, textOf, isGood });
