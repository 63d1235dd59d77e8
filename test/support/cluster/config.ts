import { fileURLToPath } from 'node:url';

export interface ServerPorts {
  frontend: number;
  /** Of the other services, and for the membership of all four. */
  internal: number[];
}

/** How many internal ports {@link serverConfig} takes. */
export const INTERNAL_PORTS = 7;

/** The configuration that docker/dynamic-config.yaml gives to the cluster of docker-compose.yml. */
const DYNAMIC_CONFIG = fileURLToPath(new URL('../../../docker/dynamic-config.yaml', import.meta.url));
/** As the server's Docker image has it by default. */
const HISTORY_SHARDS = 4;

/** Configuration of a Temporal server with its four services in one process, on Postgres. JSON is YAML, too. */
export function serverConfig(postgresUrl: URL, databases: { main: string; visibility: string }, { frontend, internal }: ServerPorts): string {
  const store = (databaseName: string, maxConns: number) => ({
    sql: {
      pluginName: 'postgres12',
      databaseName,
      connectAddr: postgresUrl.host,
      connectProtocol: 'tcp',
      user: decodeURIComponent(postgresUrl.username),
      password: decodeURIComponent(postgresUrl.password),
      maxConns,
      maxIdleConns: maxConns,
      maxConnLifetime: '1h',
    },
  });
  const ports = [...internal];
  const service = (grpcPort = ports.pop()) => ({ rpc: { grpcPort, membershipPort: ports.pop(), bindOnLocalHost: true } });
  const config = {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'main',
      visibilityStore: 'visibility',
      numHistoryShards: HISTORY_SHARDS,
      datastores: { main: store(databases.main, 20), visibility: store(databases.visibility, 5) },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: { frontend: service(frontend), matching: service(), history: service(), worker: service() },
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress: `127.0.0.1:${frontend}` },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: DYNAMIC_CONFIG, pollInterval: '60s' },
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
