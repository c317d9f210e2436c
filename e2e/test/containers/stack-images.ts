import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { nodeImage, postgresImage, redisImage } from './base-images.js';
import { workspaceContext } from './workspace-context.js';

/** The root of this checkout. */
export const checkout = resolve(import.meta.dirname, '..', '..', '..');

/** Names of images that the engine has. */
export type StackImages = Readonly<Record<'ops' | 'redis' | 'postgres' | 'node', string>>;

/** Makes every image that the Compose file needs, from what this machine has; their names begin with the prefix. */
export async function makeImages(scratch: string, prefix: string): Promise<StackImages> {
  const images = { ops: `${prefix}:ops`, redis: `${prefix}:redis`, postgres: `${prefix}:postgres`, node: `${prefix}:node` };
  const context = join(scratch, 'context');
  try {
    await Promise.all([
      nodeImage(scratch, images.node),
      redisImage(scratch, images.redis),
      postgresImage(scratch, images.postgres),
      workspaceContext(checkout, context),
    ]);
    await buildImage(images.ops, context, images.node);
    return images;
  } catch (error) {
    await removeImages(images);
    throw error;
  }
}

/** Removes those that are there. */
export async function removeImages(images: StackImages): Promise<void> {
  await execa('docker', ['image', 'rm', '--force', ...Object.values(images)], { reject: false });
}

/** Builds the image of the services from a context that is a built workspace: the Dockerfile's `prebuilt` path. */
async function buildImage(name: string, context: string, nodeImage: string): Promise<void> {
  // Through Compose, which brings a builder of its own: an engine's old one would run the stages that nothing needs too.
  const args = { NODE_IMAGE: nodeImage, WORKSPACE: 'prebuilt' };
  const file = { services: { ops: { image: name, build: { context, dockerfile: join(checkout, 'Dockerfile'), args } } } };
  await execa('docker', ['compose', '--project-name', 'ops-image-build', '--file', '-', 'build'], {
    input: JSON.stringify(file),
    all: true,
  });
}
