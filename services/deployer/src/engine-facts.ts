/** A container as the engine tells of it now. */
export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly imageId: string;
  readonly configHash: string;
  /** Of a Swarm: the hash of the whole specification of its service, as it is now. */
  readonly specHash?: string;
  readonly status: string;
  readonly running: boolean;
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly failingStreak: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly restartCount: number;
  /** Epoch ms; 0 where it never ran. */
  readonly startedAt: number;
  readonly restartPolicy: { readonly name: string; readonly retries: number };
  /** Names of volumes that no Compose file names: they go from an old container to a new one only by a recreation. */
  readonly anonymousVolumes: readonly string[];
  /** Its own addresses in the networks of its containers. */
  readonly addresses: readonly string[];
  readonly ports: readonly { readonly ip: string; readonly port: number; readonly protocol: string }[];
}

export interface ImageFacts {
  readonly id: string;
  /** References by which a registry has it, with their digests. */
  readonly digests: readonly string[];
  readonly healthcheck: {
    readonly test: readonly string[];
    readonly intervalMs: number;
    readonly startPeriodMs: number;
  } | null;
}

/** Something happened to a container. */
export interface EngineEvent {
  readonly action: string;
  readonly id: string;
  readonly service: string;
  /** Of a `die`. */
  readonly exitCode: string | undefined;
  readonly at: number;
}
