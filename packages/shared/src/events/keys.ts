/**
 * Every Redis key and stream of the project. Braces are cluster hash tags: what one MULTI touches must share a slot.
 */
export const STREAMS = {
  guard: 'ops:guard',
  alerts: 'ops:alerts',
  deploys: 'ops:deploys',
  cron: 'ops:cron',
  directives: 'ops:directives',
  incidents: 'ops:incidents',
  security: 'ops:security',
  status: 'ops:status',
} as const;

export type StreamName = (typeof STREAMS)[keyof typeof STREAMS];

export const STREAM_NAMES: readonly StreamName[] = Object.values(STREAMS);

export const keys = {
  /** Dead letters of a stream, in the stream's own slot: dead letter and acknowledgement are one MULTI. */
  deadLetters: (stream: string) => `ops:dead:{${stream}}`,
  /** Which group buries an entry that nobody can read: one dead letter, not one a group. */
  deadLetterOwner: (stream: string, entry: string) => `ops:dead:{${stream}}:owner:${entry}`,
  /** What a group is done with (sorted set, `source/id` by epoch ms): a second delivery has no second effect. */
  done: (stream: string, group: string) => `ops:done:{${stream}}:${group}`,
  /** The member that reads a stream for a group (its name, with a time to live): one at a time keeps the order of each subject. */
  lease: (stream: string, group: string) => `ops:lease:{${stream}}:${group}`,
  /** Where the groups of a stream are (hash): `<group>` everything up to this id is settled, `<group>:holder` who held the lease last. */
  position: (stream: string) => `ops:position:{${stream}}`,
  /** Entries that went before a group had handled them (hash): `<group>` how many, `<group>:at` when last, epoch ms, `<group>:loss` the id of that one,
   * `<group>:cut` what of them the retention took; `<group>:seen` where its reader was. */
  unread: (stream: string) => `ops:unread:{${stream}}`,
  /** Epoch of a publisher on a stream: a write of an earlier epoch, which a network held up, is refused. Gone after a day. */
  publisherEpoch: (stream: string, writer: string) => `ops:publisher:{${stream}}:${writer}`,
  /** The guard's state of a host (JSON): level, since, generation. Survives a restart of the monitor. */
  guardState: (host: string) => `ops:guard:state:${host}`,
  /** The monitors (hash): host → a text that changes with every sign of life. */
  monitors: 'ops:monitors',
  /** What the level allows now (hash): read by deployer and maintenance before every step that changes something. */
  guardGate: 'ops:guard:gate',
  /** The limits of the swarm (hash): read by its workers before each dispatch. */
  swarmLimits: (swarm: string) => `ops:swarm:${swarm}:limits`,
  /** The BullMQ queues that we paused (set): only these are ours to resume. */
  pausedQueues: (swarm: string) => `ops:swarm:${swarm}:paused-queues`,
  /** The infrastructure status, whole (JSON). */
  statusCurrent: 'ops:status:current',
  /** Field of an entry, beside the event: only this group handles it; the others have done so before. */
  onlyField: 'only',
  /** Prefix of the project's own BullMQ queues; braces keep a queue's keys in one slot. */
  queuePrefix: '{ops:queue}',
} as const;
