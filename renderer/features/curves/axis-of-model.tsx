import { type ReactNode, useMemo } from 'react';
import { axisFigure, axisTitleOf, type CurveAxis, hasAxis } from '../../../main/figures/axis-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import type { Drawing } from '../../../main/figures/svg.ts';
import { EmptyState } from '../../components/panel.tsx';
import { useFacts } from '../../engine/facts.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { titlesOf } from '../../format/task-titles.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';

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
export const AxisPicture = ({ label, drawing, save, children }: AxisPictureProps) => (
  <section aria-label={label}>
    <div className="curves-head">
      <div className="view-head-end">{save}</div>
    </div>
    <img
      className="axis-figure"
      width={drawing.width}
      height={drawing.height}
      alt={`${drawing.title}. ${drawing.description}`}
      src={`data:image/svg+xml,${encodeURIComponent(drawing.svg)}`}
    />
    {children}
  </section>
);
