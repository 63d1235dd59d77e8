import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPorts } from '../embedded/ports.ts';
import { startLoopbackServer } from '../test/support/loopbackServer.ts';
import { startSlackStandIn } from '../test/support/slackStandIn.ts';
import { openCamera } from './screenshots/browser.ts';
import { playSessions } from './screenshots/sessions.ts';
import { spawnHerald } from './start/spawn.ts';

/** `npm run screenshots [folder]`: real runs in the bundled Temporal UI, as docs/temporal-ui.md shows them. */
const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const folder = path.resolve(process.argv[2] ?? fileURLToPath(new URL('../docs/images', import.meta.url)));
const tell = (line: string) => process.stderr.write(`${line}\n`);

if (!existsSync(CHROMIUM)) {
  tell(`There is no Chromium at ${CHROMIUM}: set CHROMIUM_PATH to one.`);
  process.exit(1);
}
mkdirSync(folder, { recursive: true });

const down = await startLoopbackServer((_, response) => response.writeHead(503).end('maintenance'));
const slack = await startSlackStandIn();
const herald = await spawnHerald(tell, { env: { HERALD_TIMINGS: JSON.stringify({ send: { retrySchedule: [0, 1000, 1_800_000, 1_800_000] } }) } });
const camera = await openCamera(CHROMIUM);
try {
  const { waiting, failed, delivery } = await playSessions(herald, { slackApiUrl: slack.apiUrl, downUrl: down.url });
  const ui = `http://127.0.0.1:${readPorts(herald.dataDir)['temporal-ui']}/namespaces/default/workflows`;
  const filter = encodeURIComponent('`WorkflowType`="session"');
  const pictures = [
    { name: 'temporal-sessions', url: `${ui}?query=${filter}`, ready: 'order-12345' },
    { name: 'temporal-session-details', url: waiting, tab: 'user-metadata', ready: 'Summary' },
    { name: 'temporal-session-history', url: failed, ready: 'recordAndSend', top: 'Event History' },
    { name: 'temporal-delivery-history', url: delivery, ready: 'attemptDelivery', top: 'Event History' },
  ];
  for (const { name, url, ...options } of pictures) {
    await camera.take(url, path.join(folder, `${name}.png`), options).catch((error: unknown) => {
      tell(`${name}: ${String(error)}`);
      // The other pictures are taken all the same.
      process.exitCode = 1;
    });
  }
  tell(`The pictures are in ${folder}.`);
} finally {
  await camera.close();
  await herald.stop();
  await slack.close();
  await down.close();
}
