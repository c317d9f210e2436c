/** A gate for handlers, closed until `release`. */
export const held = () => {
  let release: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { until, release: () => release() };
};
/** Handlers that note each alert: its subject, with its status where that is not `down`. */
export const recorder = () => {
  const seen: string[] = [];
  return {
    seen,
    handlers: {
      'alert.reported': (event: { subject: string; data: { status: string } }) => {
        seen.push(`${event.subject}${event.data.status === 'down' ? '' : event.data.status}`);
        return [];
      },
    },
  };
};
