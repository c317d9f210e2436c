// What gateways and proxies put out in place of an answer. At the beginning of the output only: a report may speak of errors.
const PAGES: readonly (readonly [RegExp, string])[] = [
  // `500 leads were found` is work: a number of things, in the plural.
  [/^[45]\d\d\b(?!\s*[%€$£]|\s+(?:new |more |unique )?(?!status\b)[a-z]+s\b)/, 'it begins with an HTTP error'],
  [/^HTTP[\s/:]?(?:\d(?:\.\d)?\s)?\s*[45]\d\d\b/i, 'it begins with an HTTP error'],
  [/^\s*<(?:!doctype\s+html|html|head|title)\b/i, 'it is an HTML page'],
  [/^\s*\{\s*"(?:error|errors)"\s*:/i, 'it is an error in JSON'],
  [/^(?:⚠️\s*)?(?:error|fatal|exception|traceback)\b\s*[:(]/i, 'it begins with an error'],
  [
    /^(?:unauthori[sz]ed|forbidden|bad gateway|service unavailable|gateway time-?out|internal server error|too many requests)\b/i,
    'it is an HTTP error',
  ],
  [/^⚠️.{0,200}\b(?:request failed|provider|api key|rate limit|billing|quota)\b/i, 'it is a failure of the model provider'],
  [
    /^(?:no api key|invalid api key|incorrect api key|inline api key|rate limit(?:ed)?\b|insufficient (?:quota|credits|balance))/i,
    'it is a failure of the model provider',
  ],
];

/** Why an output is an error page in disguise; undefined where it looks like work. */
export function errorPage(output: string): string | undefined {
  const text = output.trim();
  return PAGES.find(([pattern]) => pattern.test(text))?.[1];
}
