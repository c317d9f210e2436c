import { Histogram, type Registry } from 'prom-client';

const NAME = 'ops_cron_evaluation_seconds';

/** How long one evaluation of all jobs takes: which slots are over, and who served them. */
export function evaluationTimer(metrics: Registry): Histogram {
  return (
    (metrics.getSingleMetric(NAME) as Histogram | undefined) ??
    new Histogram({
      name: NAME,
      help: 'One evaluation of all scheduled jobs',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
      registers: [metrics],
    })
  );
}
