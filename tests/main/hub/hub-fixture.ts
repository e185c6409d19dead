import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { createHubClient, type HubClient } from '../../../main/hub/hub-client.ts';
import { type Environment, hubSettings } from '../../../main/hub/hub-settings.ts';
import type { LoopbackHub } from '../../integration/loopback-hub.ts';

export const ID = 'someone/small-moe';

const CHECKPOINTS = path.resolve(import.meta.dirname, '../../fixtures/reference/checkpoints');

/** The files of a reference checkpoint, as a repository has them, with what nobody needs beside them. */
export const modelFiles = (name: string): Record<string, string | Buffer> => {
  const folder = path.join(CHECKPOINTS, name);
  const names = readdirSync(folder).filter((each) =>
    /^(?:config\.json|model.*\.(?:safetensors|json)|tokenizer.*\.json)$/.test(each),
  );
  return {
    ...Object.fromEntries(names.map((each) => [each, readFileSync(path.join(folder, each))])),
    'README.md': '---\nlicense: apache-2.0\n---\n# A model\n',
    LICENSE: 'Apache License\n',
    'pytorch_model.bin': Buffer.alloc(1000, 7),
    'modeling_small.py': 'raise SystemExit\n',
    'original/params.pt': Buffer.alloc(100, 9),
  };
};

/** A folder that is removed when the test ends. */
export const passingFolder = (): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hub-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
};

/** A new folder, and the environment of a machine that knows nothing but a Hub. */
export const freshMachine = (
  hub: Pick<LoopbackHub, 'endpoint'>,
  more: Environment = {},
): { readonly cache: string; readonly environment: Record<string, string> } => {
  const home = passingFolder();
  const environment = { HF_HOME: home, HF_ENDPOINT: hub.endpoint, ...more } as Record<string, string>;
  return { cache: path.join(home, 'hub'), environment };
};

/** A client that does not wait between attempts, and notes for how long it would have. */
export const clientOf = (environment: Environment): { readonly client: HubClient; readonly waits: number[] } => {
  const waits: number[] = [];
  const wait = (milliseconds: number): Promise<void> => {
    waits.push(milliseconds);
    return Promise.resolve();
  };
  return { client: createHubClient(hubSettings(environment), 'the test asks', wait), waits };
};
