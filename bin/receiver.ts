import { readOptions, type ReceiverOptions, usage } from './receiver/options.ts';
import { listen } from './receiver/server.ts';

try {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === 'help') console.log(usage);
  else await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function run(options: ReceiverOptions): Promise<void> {
  const { port, server } = await listen(options, (text) => console.log(text));
  const end = (): void => {
    server.close();
    server.closeAllConnections();
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  const checked = options.secrets.length > 0 ? 'checked' : 'not checked: start again with --secret and the secret that Herald answers';
  const url = `http://127.0.0.1:${port}/`;
  const herald = process.env.HERALD_PUBLIC_URL ?? 'http://localhost:3000';
  console.log(`Listening on ${url} (Ctrl-C ends). Signatures are ${checked}.

To have Herald send here, create an integration and bind it to an agent:

  curl -X POST ${herald.replace(/\/+$/, '')}/v1/integrations \\
    -H "Authorization: Bearer $HERALD_API_KEY" \\
    -H "Content-Type: application/json" \\
    -d '{"name":"Local receiver","type":"webhook","config":{"url":"${url}"}}'
`);
}
