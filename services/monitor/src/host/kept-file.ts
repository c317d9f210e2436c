import { closeSync, openSync, readSync } from 'node:fs';

/**
 * A file of /proc or of a control group that is opened once and read from its start again and again. That halves the
 * cost of a reading, and works on when the process has run out of descriptors. A failed read (the group was removed)
 * opens the path anew at the next one.
 */
export class KeptFile {
  readonly #path: string;
  readonly #buffer: Buffer;
  #descriptor: number | null = null;

  constructor(path: string, maxBytes = 4096) {
    this.#path = path;
    this.#buffer = Buffer.allocUnsafe(maxBytes);
  }

  /** The first `bytes` of the file (`maxBytes`, unless told otherwise), as one read gives them, or null when it cannot be read now. */
  read(bytes = this.#buffer.length): string | null {
    return this.#text((descriptor) => readSync(descriptor, this.#buffer, 0, bytes, 0));
  }

  /** The same of a file of several records, of which the kernel may give fewer than there is room for. */
  readAll(): string | null {
    return this.#text((descriptor) => {
      let length = 0;
      for (;;) {
        const more = readSync(descriptor, this.#buffer, length, this.#buffer.length - length, length);
        length += more;
        if (more === 0) return length;
      }
    });
  }

  #text(readInto: (descriptor: number) => number): string | null {
    try {
      this.#descriptor ??= openSync(this.#path, 'r');
      return this.#buffer.toString('latin1', 0, readInto(this.#descriptor));
    } catch {
      this.close();
      return null;
    }
  }

  close(): void {
    if (this.#descriptor === null) return;
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    try {
      closeSync(descriptor);
    } catch {
      // Closing what the kernel has already taken away is no news.
    }
  }
}
