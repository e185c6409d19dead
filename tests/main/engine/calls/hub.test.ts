import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

afterEach(() => vi.unstubAllEnvs());

test('the state of the Hub says whether there is a token, and why one cannot be used; never the token', async () => {
  const folder = await temporaryFolder();
  const engine = await openEngine(join(folder, 'workspace'));
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_HUB_DISABLE_IMPLICIT_TOKEN'])
    vi.stubEnv(name, undefined);
  const stateWith = async (file: string) => {
    vi.stubEnv('HF_TOKEN_PATH', file);
    const { hasToken, tokenProblem } = await engine.call('hub.state', {});
    return { hasToken, tokenProblem };
  };
  const [kept, foreign, covered] = ['token', 'foreign', 'folder'].map((name) => join(folder, name));
  await writeFile(kept ?? '', 'hf_secret\n');
  await writeFile(foreign ?? '', 'hf_s\u00e9cret\n');
  await mkdir(covered ?? '');
  expect(await stateWith(join(folder, 'absent'))).toEqual({ hasToken: false, tokenProblem: null });
  expect(await stateWith(join(kept ?? '', 'below'))).toEqual({ hasToken: false, tokenProblem: null });
  expect(await stateWith(kept ?? '')).toEqual({ hasToken: true, tokenProblem: null });
  expect(await stateWith(covered ?? '')).toEqual({
    hasToken: false,
    tokenProblem: expect.stringContaining(`${covered ?? ''} is a folder`) as string,
  });
  const wrong = await stateWith(foreign ?? '');
  expect(wrong).toEqual({
    hasToken: false,
    tokenProblem: expect.stringMatching(/characters that no token has.*hf auth login/) as string,
  });
  expect(wrong.tokenProblem).not.toContain('cret');
});
