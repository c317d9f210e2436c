// How often the weekly review is right: labelled histories on seeds that nothing was chosen on, and a hundred jobs in which nothing changes,
// reviewed each week for a year.
import { jobFindings } from '../../services/cron-supervisor/dist/decide/review/job-findings.js';
import { runtimeChange } from '../../services/cron-supervisor/dist/decide/review/runtime-change.js';
import { markdown } from '../deploy/table.mjs';
import { labelledHistories } from './labelled.mjs';

const HISTORIES = 200;
const SEEDS = [1, 2, 3, 4, 5];
const YEAR_SEED = 6;
const JOBS = 100;
const WEEKS = 52;
const DAY = 86_400_000;
const [TREND_DAYS, WINDOW_DAYS] = [84, 28];
const BARS = { precision: 0.95, recall: 0.9 };

/** Both tables, as Markdown. `quick`: the year with ten jobs. */
export async function review({ quick = false } = {}) {
  const made = await labelledHistories();
  return `## The weekly review\n\n${ofLabelled(made)}\n\n${ofUnchanging(made, quick ? JOBS / 10 : JOBS)}`;
}

function ofLabelled({ random, labelled, CLASSES, scores, total, precision, recall }) {
  const sets = SEEDS.map((seed) => {
    const chance = random(seed);
    const judged = Array.from({ length: HISTORIES }, (_, index) => {
      const of = labelled(CLASSES[index % CLASSES.length], chance);
      const findings = jobFindings(of.history, runtimeChange(of.history, of.window), of.window);
      return { of, found: findings.map(({ kind }) => kind) };
    });
    return scores(judged);
  });
  const row = (name, score, met = '') => [
    name,
    String(score.histories),
    String(score.right + score.missing),
    String(score.right),
    String(score.wrong),
    String(score.missing),
    precision(score).toFixed(3),
    recall(score).toFixed(3),
    met,
  ];
  const verdict = (score) => (precision(score) >= BARS.precision && recall(score) >= BARS.recall ? 'met' : 'missed');
  const rows = [
    ...CLASSES.map((name) => row(name, total(sets.map((set) => set.get(name))))),
    ...sets.map((set, index) => {
      const score = total(set.values());
      return row(`all, seed ${SEEDS[index]}`, score, verdict(score));
    }),
  ];
  const all = total(sets.flatMap((set) => [...set.values()]));
  const head = [
    'class',
    'histories',
    'to find',
    'right',
    'wrong',
    'missing',
    'precision',
    'recall',
    `bar: ${BARS.precision} and ${BARS.recall}`,
  ];
  return markdown(head, [...rows, row('all', all, verdict(all))]);
}

function ofUnchanging({ random, unchanging }, jobs) {
  const chance = random(YEAR_SEED);
  let [looks, alarms] = [0, 0];
  for (let job = 0; job < jobs; job++) {
    const { runs } = unchanging(chance, TREND_DAYS + (WEEKS - 1) * 7);
    const first = runs[0].started_at;
    let before = 'none';
    for (let week = 0; week < WEEKS; week++) {
      const to = first + (TREND_DAYS + week * 7) * DAY;
      const window = { trend_from: to - TREND_DAYS * DAY, from: to - WINDOW_DAYS * DAY, to };
      const { kind } = runtimeChange({ runs: runs.filter(({ started_at: at }) => at >= window.trend_from && at < to) }, window);
      looks += 1;
      // What is said again each week is one alarm.
      if (kind !== 'none' && kind !== before) alarms += 1;
      before = kind;
    }
  }
  const most = jobs / JOBS;
  const head = ['jobs in which nothing changes', 'reviews of a job', 'false alarms', 'bar'];
  return markdown(head, [
    [`${jobs}, for ${WEEKS} weeks`, String(looks), String(alarms), `≤ ${most}: ${alarms <= most ? 'met' : 'missed'}`],
  ]);
}
