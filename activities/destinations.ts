import { LRUCache } from 'lru-cache';
import { type DeliverySettings, effectiveDelivery, type RateLimit } from '../model/deliverySettings.ts';
import type { JsonObject } from '../model/types.ts';
import type { Db } from '../store/database.ts';
import { loadAgentName, loadDestination, loadNotificationTargets, type NotificationTarget } from '../store/messages.ts';
import type { SecretBox } from '../store/secrets.ts';
import { type Channel, channels } from './channels/index.ts';

/** An integration, ready to send to. */
export interface Destination {
  channel: Channel;
  name: string;
  config: JsonObject;
  secrets: JsonObject;
  enabled: boolean;
  /** As they were set. */
  delivery: DeliverySettings;
  /** The limit that holds, or null. */
  rateLimit: RateLimit | null;
  /** Ids of its channels by their names, as far as they are known; more become known with each message. */
  channelIds: Map<string, string>;
}

/** Looks up where messages go and what agents are called; remembers it for one rules version. */
export interface Directory {
  /** @param version The rules version that the answer must at least reflect; every change of an integration raises it. */
  destination(integrationId: string, version: number): Promise<Destination | undefined>;
  agentName(agentId: string, version: number): Promise<string>;
  /** Where the messages of notifications go; those that are gone are absent. `Infinity`: as it is now. */
  targets(notificationIds: string[], version: number): Promise<Map<string, NotificationTarget>>;
}

export function createDirectory(db: Db, secrets: SecretBox): Directory {
  const destinations = new LRUCache<string, { version: number; value: Promise<Destination | undefined> }>({ max: 5000 });
  const names = new LRUCache<string, { version: number; value: Promise<string> }>({ max: 20_000 });

  const targets = new LRUCache<string, { version: number; value: NotificationTarget }>({ max: 20_000 });

  async function load(integrationId: string): Promise<Destination | undefined> {
    const stored = await loadDestination(db, integrationId);
    const channel = stored && channels[stored.type];
    if (!channel) return undefined;
    const { name, config, enabled, delivery } = stored;
    const channelIds = new Map(Object.entries(stored.channelIds));
    const { rate_limit: rateLimit } = effectiveDelivery(delivery, channel.defaultRateLimit);
    return { channel, name, config, secrets: secrets.open(stored.secrets), enabled, delivery, rateLimit, channelIds };
  }

  return {
    destination: (id, version) => remembered(destinations, id, version, () => load(id)),
    agentName: (id, version) => remembered(names, id, version, async () => (await loadAgentName(db, id)) ?? 'deleted agent'),

    async targets(ids, version) {
      const found = new Map<string, NotificationTarget>();
      const unknown: string[] = [];
      for (const id of ids) {
        const known = targets.get(id);
        if (known && known.version >= version) found.set(id, known.value);
        else unknown.push(id);
      }
      if (unknown.length === 0) return found;
      for (const [id, value] of await loadNotificationTargets(db, unknown)) {
        if (Number.isFinite(version)) targets.set(id, { version, value });
        found.set(id, value);
      }
      return found;
    },
  };
}

async function remembered<T>(
  cache: LRUCache<string, { version: number; value: Promise<T> }>,
  id: string,
  version: number,
  load: () => Promise<T>,
): Promise<T> {
  const known = cache.get(id);
  if (known && known.version >= version) return known.value;
  const value = load();
  cache.set(id, { version, value });
  value.catch(() => cache.delete(id));
  return value;
}
