import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { columns, printData, say } from '../output.js';

interface ReviewView {
  readonly review_id: string;
  /** Markdown */
  readonly report: string;
}

interface ProposalView {
  readonly proposal_id: string;
  readonly job_id: string;
  readonly kind: string;
  readonly current: string;
  readonly proposed: string;
  readonly reason: string;
  readonly state: string;
  readonly decided_by: string | null;
}

/** `ops cron review`, `ops cron proposals`, `ops cron apply`, `ops cron dismiss`. */
export function reviewCommands(cron: Command): void {
  cron
    .command('review')
    .argument('[id]', 'a former one; the latest where it is not given')
    .description('the weekly review of the scheduled jobs, as Markdown')
    .option('--now', 'make one of the time up to now first')
    .action(async (given: string | undefined, options: { now?: true }, command: Command) => {
      const { connection, format } = contextOf(command);
      let id = given ?? 'latest';
      if (options.now === true) {
        const { review_id, made } = await connection.call<{ review_id: string | null; made: boolean }>(
          'POST',
          '/cron/reviews',
          {},
        );
        if (review_id === null) return say('there are many jobs, and it goes on: `ops cron review` shows it when it is there');
        say(made ? `${review_id} was made` : `${review_id} was there already`);
        id = review_id;
      }
      const review = await connection.call<ReviewView>('GET', `/cron/reviews/${encodeURIComponent(id)}`);
      printData(format, review, () => review.report.trimEnd());
    });

  cron
    .command('proposals')
    .description('what reviews propose to change, and `ops cron apply` applies')
    .option('--state <state>', 'open, applied, dismissed or superseded', 'open')
    .action(async ({ state }: { state: string }, command: Command) => {
      const { connection, format } = contextOf(command);
      const path = `/cron/proposals?state=${encodeURIComponent(state)}`;
      const { proposals } = await connection.call<{ proposals: ProposalView[] }>('GET', path);
      printData(format, proposals, () => (proposals.length === 0 ? `no ${state} proposals` : list(proposals)));
    });

  cron
    .command('apply')
    .argument('<proposal>', 'its id, or the first digits of it')
    .description('make the change that a review proposes')
    .option('--by <name>', 'who', userInfo().username)
    .action(async (id: string, { by }: { by: string }, command: Command) => decide(command, id, 'apply', { by }));

  cron
    .command('dismiss')
    .argument('<proposal>', 'its id, or the first digits of it')
    .description('say no to a proposal: it is not made again for 90 days')
    .requiredOption('-r, --reason <text>', 'why')
    .option('--by <name>', 'who', userInfo().username)
    .action(async (id: string, { by, reason }: { by: string; reason: string }, command: Command) =>
      decide(command, id, 'dismiss', { by, reason }),
    );
}

async function decide(command: Command, id: string, verb: 'apply' | 'dismiss', body: object): Promise<void> {
  const { connection, format } = contextOf(command);
  const path = `/cron/proposals/${encodeURIComponent(id)}/${verb}`;
  const { proposal } = await connection.call<{ proposal: ProposalView }>('POST', path, body);
  const { proposal_id, job_id, kind, current, proposed, state } = proposal;
  printData(format, proposal, () =>
    state === 'applied' ? `${job_id}: ${kind} is ${proposed} now, and was ${current}` : `${proposal_id} is ${state}`,
  );
}

function list(proposals: readonly ProposalView[]): string {
  return columns(
    ['ID', 'JOB', 'WHAT', 'NOW', 'PROPOSED', 'WHY', 'BY'],
    proposals.map(({ proposal_id, job_id, kind, current, proposed, reason, decided_by }) => [
      proposal_id,
      job_id,
      kind,
      current,
      proposed,
      reason.slice(0, 100),
      decided_by ?? '',
    ]),
  );
}
