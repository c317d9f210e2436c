import { type FileHandle, open } from 'node:fs/promises';
import { syncFolder } from './position.js';
import { type Segment, segmentPath } from './segments.js';

/** The segment that is being written. */
export class Tail {
  readonly segment: Segment;
  readonly #file: FileHandle;

  private constructor(segment: Segment, file: FileHandle) {
    this.segment = segment;
    this.#file = file;
  }

  static async create(folder: string, number: number): Promise<Tail> {
    const path = segmentPath(folder, number);
    const file = await open(path, 'w', 0o600);
    try {
      await syncFolder(folder);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new Tail({ number, path, bytes: 0, entries: 0 }, file);
  }

  /** Adds all of it, durably, or nothing. Rejects with what the disk says; the tail must not be used again then. */
  async add(bytes: Buffer): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.segment.bytes + done);
        done += bytesWritten;
      }
      await this.#file.datasync();
    } catch (error) {
      // After a failed sync nobody knows what the disk has: what was not confirmed must not come back after a restart.
      await this.#file.truncate(this.segment.bytes).catch(() => undefined);
      throw error;
    }
    this.segment.bytes += bytes.length;
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }
}
