import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { reviewCommands } from '../src/commands/cron-review.js';

const PROPOSAL = {
  proposal_id: 'a1b2c3d4',
  job_id: 'openclaw/digest',
  kind: 'expected',
  current: '5 min',
  proposed: '13 min',
  reason: '95 % of 9 runs take up to 12 min',
  state: 'open',
  decided_by: null,
};
const REPORT = '# Scheduled jobs\n\n1 job, 28 runs: nothing found.\n';

describe('ops cron', () => {
  let server: Server;
  let asked: { method: string | undefined; path: string | undefined; body: string }[];
  let answers: Record<string, { status?: number; body: object }>;
  let out: string;

  beforeEach(async () => {
    [asked, out] = [[], ''];
    answers = {
      'GET /cron/reviews/latest': { body: { review_id: 'latest-one', report: REPORT } },
      'GET /cron/reviews/2026-11-30-aa': { body: { review_id: '2026-11-30-aa', report: '# An older one\n' } },
      'POST /cron/reviews': { status: 201, body: { review_id: '2026-11-30-aa', made: true } },
      'GET /cron/proposals?state=open': { body: { proposals: [PROPOSAL] } },
      'GET /cron/proposals?state=applied': { body: { proposals: [] } },
      'POST /cron/proposals/a1b2/apply': { body: { proposal: { ...PROPOSAL, state: 'applied' } } },
      'POST /cron/proposals/a1b2/dismiss': { body: { proposal: { ...PROPOSAL, state: 'dismissed' } } },
    };
    server = createServer(async (request, response) => {
      asked.push({ method: request.method, path: request.url, body: await text(request) });
      const answer = answers[`${request.method} ${request.url}`] ?? { status: 404, body: { message: 'no such thing' } };
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(answer.body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('OPS_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv('OPS_TOKEN', 'a-token-for-this-test');
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      out += String(chunk);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    await new Promise((resolve) => server.close(resolve));
  });

  async function ops(...args: string[]): Promise<void> {
    const program = new Command('ops')
      .exitOverride()
      .option('-o, --output <format>', '', 'table')
      .option('--json')
      .option('-q, --quiet');
    const cron = program.command('cron').exitOverride();
    reviewCommands(cron);
    for (const command of cron.commands) command.exitOverride();
    await program.parseAsync(['cron', ...args], { from: 'user' });
  }

  test('review: the latest report, as it is', async () => {
    await ops('review');
    expect(out).toBe(REPORT);
  });

  test('review --now: one is made first, and shown', async () => {
    await ops('review', '--now');
    expect(asked.map(({ method }) => method)).toEqual(['POST', 'GET']);
    expect(out).toBe('# An older one\n');
  });

  test('review --now of many jobs goes on by itself', async () => {
    answers['POST /cron/reviews'] = { status: 202, body: { review_id: null, made: false } };
    await ops('review', '--now');
    expect([asked.length, out]).toEqual([1, '']);
  });

  test('review: a former one, as data', async () => {
    await ops('review', '2026-11-30-aa', '--json');
    expect(JSON.parse(out)).toEqual({ review_id: '2026-11-30-aa', report: '# An older one\n' });
  });

  test('proposals', async () => {
    await ops('proposals');
    expect(out).toMatch(/a1b2c3d4 +openclaw\/digest +expected +5 min +13 min +95 % of 9 runs/);
    out = '';
    await ops('proposals', '--state', 'applied');
    expect(out).toBe('no applied proposals\n');
  });

  test('apply says what it is now; dismiss needs a reason', async () => {
    await ops('apply', 'a1b2', '--by', 'ann');
    expect(out).toBe('openclaw/digest: expected is 13 min now, and was 5 min\n');
    out = '';
    await expect(ops('dismiss', 'a1b2')).rejects.toThrow("required option '-r, --reason <text>' not specified");
    await ops('dismiss', 'a1b2', '--by', 'ann', '--reason', 'over soon');
    expect(out).toBe('a1b2c3d4 is dismissed\n');
    expect(asked.map(({ body }) => JSON.parse(body))).toEqual([{ by: 'ann' }, { by: 'ann', reason: 'over soon' }]);
  });

  test('what is not there ends with 3', async () => {
    await expect(ops('apply', 'zz')).rejects.toMatchObject({ exitCode: 3, message: 'no such thing' });
  });
});
