import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import type { SweepDocument } from '../../../../main/contract/sweep.ts';
import { EngineProvider } from '../../../../renderer/engine/engine-context.tsx';
import { BestSection } from '../../../../renderer/features/thresholds/best-section.tsx';
import { MatrixSection } from '../../../../renderer/features/thresholds/matrix-section.tsx';
import { sampleSizeTrend } from '../../../main/evaluation/size-trend/sample-size-trend.ts';
import { sampleManifest } from '../../../main/figures/sample-run.ts';
import { engineOf } from '../../engine-of.ts';

const engine = engineOf(() => new Promise(() => undefined));

const { document, sizeTrend } = sampleSizeTrend({
  sizes: [8, 16],
  tasks: ['sums', 'plurals'],
  methods: ['frequency', 'reap'],
  limit: (experts) => experts / 8,
});
const nothing = { difference: 0, low: 0, high: 0, lowOneSided: 0, highOneSided: 0, p: null, lost: 0, gained: 0 };
const ranOut: SweepDocument = {
  ...document,
  results: document.results.map((result) =>
    result.task === 'sums' && result.method === 'unpruned'
      ? { ...result, metric: 'exact_match' as const, endings: { ended: 0.9, looped: 0, ...nothing } }
      : result,
  ),
};

test.for([
  { Section: BestSection, cells: 2 },
  { Section: MatrixSection, cells: 4 },
])('$Section.name marks the cells where truncation was measured, and says how much', ({ Section, cells }) => {
  const show = (shown: SweepDocument): readonly string[] =>
    renderToStaticMarkup(
      <EngineProvider engine={engine}>
        <Section
          manifest={sampleManifest}
          document={shown}
          sizeTrend={sizeTrend}
          shown={['frequency', 'reap']}
          tasks={['sums', 'plurals']}
          known={[]}
          theme="light"
          title={(task) => task.toUpperCase()}
          isSelected={() => false}
          onSelect={() => undefined}
          openPoint={() => undefined}
        />
      </EngineProvider>,
    ).match(/<td class="matrix-cell.*?<\/td>/g) ?? [];
  const marked = show(ranOut).filter((cell) => cell.includes('cell-truncated'));
  expect(marked).toHaveLength(cells);
  for (const cell of marked)
    expect(cell).toMatch(/aria-label="[^"]* truncated [^"]*SUMS: truncation was measured, 10[^"]*ran out of tokens/);
  expect(show(document)).toHaveLength(2 * cells);
  expect(show(document).join('')).not.toContain('truncated');
});
