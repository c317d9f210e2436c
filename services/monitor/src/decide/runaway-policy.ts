import type { ContainerRule } from './runaway-container.js';

/** Which processes belong to one service of the inventory. Any field that matches is enough. */
export interface OwnerRule extends ContainerRule {
  readonly service: string;
  /** Never a victim, and neither are its descendants. */
  readonly protected: boolean;
  /** Process names, exact (the kernel keeps 15 characters, so longer ones match by their first 15), or the base name of argv[0]. */
  readonly names?: readonly string[];
  /** Patterns sought in the command line. */
  readonly patterns?: readonly RegExp[];
  readonly pids?: readonly number[];
  /** Effective user ids. */
  readonly users?: readonly number[];
  /** Container ids (at least 12 characters), sought in the cgroup path. */
  readonly containers?: readonly string[];
}

/** What the runaway kill may do. */
export interface RunawayPolicy {
  readonly mode: 'off' | 'dry-run' | 'on';
  readonly owners: readonly OwnerRule[];
  /** Processes that no rule names: `spare` them (default), or let them be victims. */
  readonly unknownOwners: 'spare' | 'eligible';
  /** Names that are spared whatever the rules say. */
  readonly neverNames: readonly string[];
  /** Texts in command lines, and effective users, that are spared whatever the rules say. */
  readonly neverPatterns: readonly RegExp[];
  readonly neverUsers: readonly number[];
  /** Spare daemons of root that run on the host itself, outside of containers. */
  readonly spareRootDaemons: boolean;
  readonly ram: {
    /** Percent of memory above which the emergency is ours to answer. */
    readonly abovePercent: number;
    /** A victim holds at least this share of memory, in percent. */
    readonly minSharePercent: number;
    readonly graceMs: number;
    /** From here on memory does not last a whole grace time … */
    readonly urgentPercent: number;
    /** … so this one counts. */
    readonly urgentGraceMs: number;
  };
  readonly cpu: {
    readonly abovePercent: number;
    /** How long CPU must have been over the bound without a break. */
    readonly sustainedMs: number;
    /** Share of time in which something waited for a CPU (PSI some), in percent. */
    readonly minPressurePercent: number;
    /** A victim uses at least this much of one core, in percent. */
    readonly minCorePercent: number;
    /** Whoever is this nice or nicer is no victim for CPU. */
    readonly spareFromNice: number;
    readonly graceMs: number;
  };
  /** After a victim is gone, memory is measured again only when this much time has passed. */
  readonly settleMs: number;
  /** A victim that cannot die (stuck in the kernel) stops holding up the next choice after this long. */
  readonly stuckMs: number;
  /** In dry-run the same victim is named again after this long. */
  readonly dryRunRepeatMs: number;
}

/** The defaults, each with its reason. `owners` comes from the inventory. */
export const defaultRunawayPolicy: RunawayPolicy = {
  mode: 'dry-run',
  owners: [],
  // A process that nobody described may be the operator's editor or a restore that must not be broken.
  unknownOwners: 'spare',
  // What ends the session, the network or every container with it.
  neverNames: [
    'systemd',
    'systemd-journald',
    'systemd-logind',
    'systemd-udevd',
    'dbus-daemon',
    'init',
    'sshd',
    'login',
    'agetty',
    'dockerd',
    'containerd',
    'containerd-shim',
    'docker-proxy',
    'runc',
    'NetworkManager',
    'Xorg',
    'gnome-shell',
  ],
  neverPatterns: [],
  neverUsers: [],
  spareRootDaemons: true,
  ram: {
    abovePercent: 92,
    // Below a twentieth of memory, ending a process does not end an emergency.
    minSharePercent: 5,
    // Long enough for a service to flush and close, short against the seconds in which a hog fills the last 8 %.
    graceMs: 1_000,
    urgentPercent: 97,
    urgentGraceMs: 250,
  },
  cpu: {
    abovePercent: 95,
    // Full CPUs harm nobody by themselves: half a minute tells a build from a runaway, and costs no data meanwhile.
    sustainedMs: 30_000,
    // Measured on two cores: a full but harmless load shows 1 to 2 %, eight burners 99 %.
    minPressurePercent: 50,
    // Eight equal burners on two cores take 25 % of a core each; idle daemons take less than 5 %.
    minCorePercent: 15,
    // The weight of nice 15 is a thirtieth of the ordinary one.
    spareFromNice: 15,
    graceMs: 3_000,
  },
  // Freeing some gigabytes takes the kernel tens of milliseconds after the process is gone.
  settleMs: 250,
  stuckMs: 30_000,
  dryRunRepeatMs: 60_000,
};
