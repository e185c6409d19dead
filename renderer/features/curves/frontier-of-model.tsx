import { useMemo } from 'react';
import { figureTheme } from '../../../main/figures/colors.ts';
import { frontierFigure, hasFrontier } from '../../../main/figures/frontier-figure.ts';
import { Disclosure, EmptyState } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { useLasting } from '../../engine/use-settled.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { titlesOf, withTaskTitles } from '../../format/task-titles.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';
import { AxisPicture, ReadingPoints } from './axis-of-model.tsx';

/** Accuracy against bytes with a line per type of weights, and whether to prune or to quantise, in sentences. */
export const FrontierOfModel = () => {
  const theme = useResolvedTheme();
  const { tasks } = useFacts();
  const { manifest, model, document, error: unread } = useSweep();
  const isMeasured = model !== null && document !== undefined && hasFrontier(document, model);
  const { data, error } = useQuery('sweep.frontier', isMeasured && manifest !== null ? { run: manifest.id } : null);
  const words = useLasting(data, manifest?.id ?? '')?.models.find((one) => one.model === model);
  const drawing = useMemo(
    () =>
      manifest === null || model === null || document === undefined || !isMeasured
        ? null
        : frontierFigure(document, model, manifest, figureTheme(theme, titlesOf(tasks))),
    [document, isMeasured, manifest, model, tasks, theme],
  );
  if (manifest === null || model === null) return null;
  if (document === undefined) return unread === null ? <ReadingPoints /> : null;
  if (drawing === null)
    return (
      <EmptyState icon="chart" title="No frontier to show">
        This sweep measured {model} at its stored weights only. Tick more weight types under “Weights” of a sweep: each
        plan is then measured at each type, with the bytes of its file.
      </EmptyState>
    );
  const own = [...new Set(document.results.map(({ task }) => task))];
  const items = (sentences: readonly string[]) =>
    sentences.length === 0 ? null : (
      <ul className="findings">
        {sentences.map((sentence) => (
          <li key={sentence}>{withTaskTitles(sentence, own, titlesOf(tasks))}</li>
        ))}
      </ul>
    );
  return (
    <AxisPicture
      label="Accuracy against bytes"
      drawing={drawing}
      save={
        <SaveFigure
          subject={manifest.id}
          view={({ frontierView }) => frontierView({ manifest, document, theme }, model)}
        />
      }
    >
      {error !== null && <Problem error={error} />}
      {words === undefined && error === null && <p className="muted">Comparing pruned and quantised models…</p>}
      {words !== undefined && (
        <>
          {items(words.summary)}
          {words.findings.length > 0 && (
            <Disclosure summary="Prune or quantise? Every comparison">{items(words.findings)}</Disclosure>
          )}
        </>
      )}
    </AxisPicture>
  );
};
