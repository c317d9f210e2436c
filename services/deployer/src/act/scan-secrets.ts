import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';

/** A secret that stands in a file: where, and of which kind; never its value. */
export interface FoundSecret {
  readonly file: string;
  readonly line: number;
  readonly kind: string;
}

const LARGEST = 1024 * 1024;

/** Looks for credentials in text files with secretlint's recommended rules. Files that are large or binary hold no configuration, and are left. */
export async function scanSecrets(files: readonly string[]): Promise<readonly FoundSecret[]> {
  // Loaded when it is needed: it is only for deployments.
  const [{ lintSource }, { creator }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
  ]);
  const id = '@secretlint/secretlint-rule-preset-recommend';
  const found: FoundSecret[] = [];
  for (const file of files) {
    if (((await stat(file).catch(() => undefined))?.size ?? LARGEST) >= LARGEST) continue;
    const content = await readFile(file, 'utf8');
    if (content.includes('\0')) continue;
    const { messages } = await lintSource({
      source: { filePath: file, content, contentType: 'text', ext: extname(file) },
      options: { config: { rules: [{ id, rule: creator }] }, maskSecrets: true },
    });
    for (const { loc, messageId, ruleId } of messages) found.push({ file, line: loc.start.line, kind: messageId || ruleId });
  }
  return found;
}
