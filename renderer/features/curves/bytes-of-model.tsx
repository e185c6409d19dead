import { useMemo } from 'react';
import { bytesFigure, hasBytes } from '../../../main/figures/bytes-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { EmptyState } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { useResolvedTheme } from '../../state/theme.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';

/** Quality against the bytes of the weights, by task: the picture that is saved. */
export const BytesOfModel = () => {
  const theme = useResolvedTheme();
  const { manifest, model, document } = useSweep();
  const drawing = useMemo(
    () =>
      manifest === null || model === null || document === undefined || !hasBytes(document, model)
        ? null
        : bytesFigure(document, model, manifest, figureTheme(theme)),
    [document, manifest, model, theme],
  );
  if (manifest === null || model === null || document === undefined) return null;
  if (drawing === null)
    return (
      <EmptyState icon="chart" title="No bytes to show">
        No pruned point of {model} in this sweep tells its bytes.
      </EmptyState>
    );
  return (
    <section aria-label="Quality against bytes">
      <div className="curves-head">
        <div className="view-head-end">
          <SaveFigure subject={manifest.id} view={({ bytesView }) => bytesView({ manifest, document, theme }, model)} />
        </div>
      </div>
      <img
        className="bytes-figure"
        width={drawing.width}
        height={drawing.height}
        alt={`${drawing.title}. ${drawing.description}`}
        src={`data:image/svg+xml,${encodeURIComponent(drawing.svg)}`}
      />
    </section>
  );
};
