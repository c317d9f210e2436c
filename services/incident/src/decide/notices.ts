import type { EventDraft } from '@ops/shared/events';
import { toFit } from './to-fit.js';

type Audience = 'nucleus' | 'chief-of-staff' | 'maurice';
type Severity = 'info' | 'warning' | 'critical' | 'emergency';

export interface NoticeFacts {
  readonly severity: Severity;
  readonly text: string;
  readonly about: string;
  readonly incidentId: string | null;
  /** What makes it one notice: an incident and what happened to it. */
  readonly occasion: string;
}

/**
 * Who is told, by the alert response protocol: at emergency Nucleus and Maurice (and the Chief of Staff, who set the
 * priorities that now wait), at critical Nucleus and the Chief of Staff. Whoever was told of the beginning is told of the end.
 */
export function audiencesFor(severity: Severity): readonly Audience[] {
  if (severity === 'emergency') return ['nucleus', 'chief-of-staff', 'maurice'];
  return severity === 'critical' ? ['nucleus', 'chief-of-staff'] : [];
}

/** One notice for each audience; the same occasion gives the same notice. */
export function decideNotices(
  facts: NoticeFacts,
  audiences = audiencesFor(facts.severity),
): readonly EventDraft<'notice.published'>[] {
  return audiences.map((audience) => ({
    type: 'notice.published',
    subject: audience,
    purpose: `${facts.occasion}/${audience}`,
    data: {
      notice_id: `${facts.occasion}-${audience}`,
      audience,
      severity: facts.severity,
      text: toFit(facts.text),
      about: facts.about,
      incident_id: facts.incidentId,
    },
  }));
}
