import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { clusterRequest } from '../../../main/contract/cluster.ts';
import { settingsOf } from '../../../main/contract/setting.ts';
import { describedSweepSettings } from '../../../main/contract/sweep.ts';
import { SettingField } from '../../../renderer/components/setting-field.tsx';

const settings = [...settingsOf(describedSweepSettings), ...settingsOf(clusterRequest)];
const field = (name: string, value: unknown): string => {
  const setting = settings.find((known) => known.name === name);
  if (setting === undefined) throw new Error(`no setting ${name}`);
  return renderToStaticMarkup(<SettingField setting={setting} value={value} onChange={() => undefined} />);
};

test('every kind of setting has its control, with what holds', () => {
  expect(field('adaptive', true)).toMatch(/type="checkbox" checked=""/);
  expect(field('stop', 'early')).toMatch(/type="checkbox" checked=""/);
  expect(field('stop', undefined)).not.toContain('checked');
  expect(field('calibration', undefined)).toMatch(/<option value="answers" selected="">right answers/);
  // The first seeds by their number, others one by one.
  expect(field('seeds', [0, 1, 2])).toMatch(/<input[^>]* value="3"/);
  expect(field('seeds', [4, 7])).toMatch(/<input[^>]* value="4, 7"/);
  expect(field('seeds', [7])).toMatch(/<input[^>]* value="7,"/);
  expect(field('limit', null)).toMatch(/placeholder="all"[^>]* value=""|value=""[^>]* placeholder="all"/);
  // A list that is left out means its first choice.
  const ticked = (value: unknown): readonly string[] =>
    [...field('weights', value).matchAll(/checked=""\/><span>(\w+)/g)].flatMap(([, name]) => name ?? []);
  expect([ticked(undefined), ticked(['f16', 'q4_0'])]).toEqual([['stored'], ['f16', 'q4_0']]);
  expect(field('partition', 'gpu')).toMatch(/<input[^>]* value="gpu"/);
  expect(field('setup', ['a', 'b'])).toMatch(/<textarea[^>]*>a\nb</);
});

test('a margin is shown and read in points, as everywhere else', () => {
  expect(field('delta', 0.07)).toMatch(/<input[^>]* value="7"/);
  expect(field('delta', 0.02)).toMatch(/step="0.5"/);
  expect(field('delta', 0.02)).toContain('Margin δ (points)');
});

test('an invalid value is marked, and a text says what it must be', () => {
  expect(field('workers', Number.NaN)).toContain('aria-invalid="true"');
  expect(field('workers', 4)).toContain('aria-invalid="false"');
  expect(field('host', '-x')).toContain('must be a host, as your ssh knows it');
});
