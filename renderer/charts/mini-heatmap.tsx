import { useLayoutEffect, useRef } from 'react';
import type { ColorScale } from './color-scales.ts';

interface MiniHeatmapProps {
  readonly matrix: readonly (readonly number[])[];
  readonly scale: ColorScale;
  /** CSS pixels. */
  readonly height: number;
}

/** A small picture of a heatmap: one canvas pixel per cell, stretched. For overviews; it says nothing to a screen reader. */
export const MiniHeatmap = ({ matrix, scale, height }: MiniHeatmapProps) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || context === null || context === undefined) return;
    element.width = matrix[0]?.length ?? 1;
    element.height = Math.max(1, matrix.length);
    matrix.forEach((row, layer) =>
      row.forEach((value, expert) => {
        context.fillStyle = scale.color(value);
        context.fillRect(expert, layer, 1, 1);
      }),
    );
  }, [matrix, scale]);
  return <canvas ref={canvas} className="mini-heatmap" style={{ height }} aria-hidden="true" />;
};
