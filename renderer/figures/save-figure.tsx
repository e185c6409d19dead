import { Menu } from '../components/menu.tsx';
import { useRequest } from '../engine/use-request.ts';
import type { Figure } from './figure.ts';
import { rasterise } from './rasterise.ts';

interface SaveFigureProps {
  /** File name without its ending. */
  readonly suggestedName: string;
  /** Made when it is asked for. */
  readonly figure: () => Figure;
  /** False where no chart is drawn now: then there are only numbers to save. */
  readonly picture?: boolean;
}

/** Saves what a chart shows; the manifest travels inside every file. */
export const SaveFigure = ({ suggestedName, figure, picture = true }: SaveFigureProps) => {
  const { busy, start } = useRequest();
  const name = suggestedName.replace(/[^A-Za-z0-9._-]+/g, '-');
  const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
  return (
    <Menu
      label="Save figure"
      icon="save"
      disabled={busy}
      items={[
        ...(picture
          ? [
              {
                label: 'SVG',
                onChoose: () =>
                  start(({ bridge }) => bridge.saveFile({ suggestedName: `${name}.svg`, bytes: encode(figure().svg) })),
              },
              {
                label: 'PNG',
                onChoose: () =>
                  start(async ({ bridge }) =>
                    bridge.saveFile({ suggestedName: `${name}.png`, bytes: await rasterise(figure()) }),
                  ),
              },
            ]
          : []),
        {
          label: 'CSV',
          onChoose: () =>
            start(({ bridge }) => bridge.saveFile({ suggestedName: `${name}.csv`, bytes: encode(figure().csv) })),
        },
      ]}
    />
  );
};
