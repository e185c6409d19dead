import { type ReactNode, useMemo } from 'react';
import { axisFigure, axisTitleOf, type CurveAxis, hasAxis } from '../../../main/figures/axis-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import type { Drawing } from '../../../main/figures/svg.ts';
import { EmptyState, Disclosure } from '../../components/panel.tsx';
import { useFacts } from '../../engine/facts.ts';
import { Picture } from '../../figures/picture.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { titlesOf, withTaskTitles } from '../../format/task-titles.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';
import { frontierFigure, hasFrontier } from '../../../main/figures/frontier-figure.ts';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useLasting } from '../../engine/use-settled.ts';

const absentReasons: Readonly<Record<CurveAxis, string>> = {
  kept: 'has a number of kept experts.',
  bytes: 'has its size recorded.',
  dropped:
    'has a dropped share, which needs a profile of the task and a version that records it. Starting the same sweep ' +
    'again reuses the results on disk and adds it.',
  loss: 'has an answer loss, which tasks with choices have.',
  kl: 'has a KL, which a sweep with the setting “fidelity” measures.',
};

/** Quality against one of `curveAxes`, by task; the same picture as when saved. */
export const AxisOfModel = ({ axis }: { readonly axis: CurveAxis }) => {
  const theme = useResolvedTheme();
  const { tasks } = useFacts();
  const { manifest, model, document, error } = useSweep();
  const drawing = useMemo(
    () =>
      manifest === null || model === null || document === undefined || !hasAxis(document, model, axis)
        ? null
        : axisFigure(document, model, axis, manifest, figureTheme(theme, titlesOf(tasks))),
    [axis, document, manifest, model, tasks, theme],
  );
  if (manifest === null || model === null) return null;
  if (document === undefined) return error === null ? <ReadingPoints /> : null;
  if (drawing === null)
    return (
      <EmptyState icon="chart" title={`No ${axisTitleOf(axis)} to show`}>
        No pruned point of {model} in this sweep {absentReasons[axis]}
      </EmptyState>
    );
  return (
    <AxisPicture
      label={`Quality against ${axisTitleOf(axis)}`}
      drawing={drawing}
      save={
        <SaveFigure
          subject={manifest.id}
          view={({ axisView }) => axisView({ manifest, document, theme }, model, axis)}
        />
      }
    />
  );
};

/** Stands where a chart will be once the points of the sweep are read. */
export const ReadingPoints = () => <p className="muted">Reading the points of this sweep…</p>;

interface AxisPictureProps {
  readonly label: string;
  readonly drawing: Drawing;
  /** The button that saves it. */
  readonly save: ReactNode;
  /** Below the picture. */
  readonly children?: ReactNode;
}

/** A drawn figure with its button to save it. */
const AxisPicture = ({ label, drawing, save, children }: AxisPictureProps) => (
  <section aria-label={label}>
    <div className="curves-head">
      <div className="view-head-end">{save}</div>
    </div>
    <Picture drawing={drawing} />
    {children}
  </section>
);

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
