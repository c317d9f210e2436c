import { Cluster, type Command } from 'ioredis';

type Node = Parameters<Cluster['sendCommand']>[2];

/**
 * A Cluster client whose commands end. That of ioredis (6.0.0) lets a command wait for ever while no node can be reached:
 * the `commandTimeout` of its nodes begins when the command has been given to one.
 */
export class PatientCluster extends Cluster {
  readonly #patienceMs: number;

  constructor(patienceMs: number, ...given: ConstructorParameters<typeof Cluster<'legacy'>>) {
    super(...given);
    this.#patienceMs = patienceMs;
  }

  override sendCommand(command: Command, stream?: Parameters<Cluster['sendCommand']>[1], node?: Node): unknown {
    command.setTimeout(this.#patienceMs);
    return super.sendCommand(command, stream, node);
  }
}
