import { z } from 'zod';

const MOST_OF_JOB = 40;
const MOST_OTHERS = 10;
const LONGEST_LINE = 500;

// What it is about stands under numbers, beside the message: `{"1": {"jobId": "..."}, "message": "cron: job added"}`.
const logLine = z.looseObject({
  time: z.string().catch(''),
  message: z.string(),
  _meta: z.object({ logLevelName: z.string().catch('') }).catch({ logLevelName: '' }),
});
const diagnosed = z.object({
  state: z.object({
    lastDiagnostics: z
      .object({ entries: z.array(z.object({ severity: z.string().catch('info'), message: z.string() })) })
      .nullish()
      .catch(null),
    lastError: z.string().nullish().catch(null),
  }),
});

/**
 * What is kept of a gateway's log for an incident: the last lines that name the job, the last few of any kind, and what the job said
 * of its last run, oldest first. Each line is shortened.
 *
 * @param lines of `logs.tail`: JSON, one a line
 * @param job the answer to `cron.get`, whatever it is
 */
export function evidenceLines(lines: readonly string[], job: unknown, id: string): readonly string[] {
  const ofJob = new Set(lines.filter((line) => line.includes(id)).slice(-MOST_OF_JOB));
  const last = new Set(lines.slice(-MOST_OTHERS));
  const kept = lines.filter((line) => ofJob.has(line) || last.has(line)).map(logText);
  return [...kept, ...diagnostics(job)].map((line) => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line));
}

function logText(line: string): string {
  try {
    const { data } = logLine.safeParse(JSON.parse(line));
    if (data === undefined) return line;
    const about = Object.entries(data).filter(([key, value]) => /^\d+$/.test(key) && typeof value === 'object' && value !== null);
    const fields = about.map(([, value]) => ` ${JSON.stringify(value)}`).join('');
    return `${data.time} ${data._meta.logLevelName} ${data.message}${fields}`;
  } catch {
    return line;
  }
}

function diagnostics(job: unknown): readonly string[] {
  const { data } = diagnosed.safeParse(job);
  if (data === undefined) return [];
  const { lastDiagnostics, lastError } = data.state;
  const said = (lastDiagnostics?.entries ?? []).map(({ severity, message }) => `last run, ${severity}: ${message}`);
  return lastError ? [...said, `last run, error: ${lastError}`] : said;
}
