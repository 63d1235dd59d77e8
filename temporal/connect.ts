import { Client, Connection, type TLSConfig } from '@temporalio/client';

/** How to reach the Temporal server. */
export interface TemporalAddress {
  /** host:port */
  address: string;
  namespace: string;
  /** TLS to the server; `true` means TLS with the system's authorities. */
  tls?: TLSConfig | true;
  /** API key of a hosted cluster. */
  apiKey?: string;
}

/** A client that connects with its first call, so that its process starts and works while the server is away. */
export function openTemporalClient(settings: TemporalAddress): Client {
  const connection = Connection.lazy({
    address: settings.address,
    ...(settings.tls ? { tls: settings.tls } : {}),
    ...(settings.apiKey ? { apiKey: settings.apiKey, metadata: { 'temporal-namespace': settings.namespace } } : {}),
  });
  return new Client({ connection, namespace: settings.namespace });
}
