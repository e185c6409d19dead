import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { temporaryFolder, uncurlHere } from './run-uncurl.ts';

/**
 * One candidate of a bundled model loses 7 and gains 1 of 300 items: at this margin it is safe at the 5 % level, and
 * undecided at 2.5 %, the level of the second of two looks.
 */
const MARGIN = '0.042';

test('planned looks test at their part of the level, and everything that reads the run keeps it', async () => {
  const folder = await temporaryFolder();
  const shared = ['--workspace', join(folder, 'workspace')];
  const sweep = [
    'sweep',
    'uncurl-8',
    '--task',
    'french',
    '--method',
    'frequency',
    '--factors',
    '1.33',
    '--threads',
    '1',
  ];
  const look = async (...looks: readonly string[]) => {
    const { code, stdout, stderr } = await uncurlHere([...sweep, '--delta', MARGIN, ...looks, ...shared, '--json']);
    expect(code, stderr).toBe(0);
    const document = z.looseObject(sweepDocument.shape).parse(JSON.parse(stdout));
    expect(document.check).toMatchObject({ state: 'as-written' });
    const point = document.results.find(({ factor }) => factor > 1) ?? expect.fail('no candidate');
    return { document, point, verdict: document.thresholds[0]?.verdict };
  };
  const first = await look('--looks', '150,300', '--limit', '150');
  const last = await look('--looks', '150,300');
  const alone = await look();
  expect([first, last, alone].map(({ point }) => point.n)).toEqual([150, 300, 300]);
  expect([last, alone].map(({ point }) => point.verdict)).toEqual(['undecided', 'safe']);
  expect([last, alone].map(({ verdict }) => verdict)).toEqual(['none-safe', 'all-safe']);
  expect([first, last, alone].map(({ document }) => document.level)).toEqual([0.025, 0.025, undefined]);
  // The interval is that of the difference, whatever is tested.
  expect({ ...last.point, verdict: 'safe', lowOneSided: alone.point.lowOneSided }).toMatchObject({
    ...alone.point,
    highOneSided: last.point.highOneSided,
  });
  expect(last.document.rule).toContain('one-sided 97.5 % interval');
  expect(alone.document.rule).toContain('one-sided 95 % interval');

  const report = join(folder, 'report.html');
  const written = await uncurlHere(['report', last.document.run, '--out', report, ...shared]);
  expect(written.code, written.stderr).toBe(0);
  const html = await readFile(report, 'utf8');
  expect(html).toContain('one-sided 97.5 % interval');
  expect(html).toContain('each at the 2.5 % level');

  const refused = async (...looks: readonly string[]): Promise<string> => {
    const { code, stderr } = await uncurlHere([...sweep, ...looks, ...shared]);
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refused('--looks', '150,300', '--limit', '100')).toContain('none of the planned looks 150,300');
  expect(await refused('--looks', '300,150')).toContain('do not ascend');
  expect(await refused('--looks', '150,300', '--stop', 'early')).toContain('Planned looks test at levels below 5 %');
});
