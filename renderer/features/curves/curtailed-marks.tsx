import { usePlotArea } from 'recharts';

const RADIUS = 3;
const WIDTH = 2 * RADIUS;

/** Curtailed candidates: a cross on the axis at each factor, since they have no value. */
export const CurtailedMarks = ({ xs, color }: { readonly xs: readonly number[]; readonly color: string }) => {
  const area = usePlotArea();
  if (area === undefined) return null;
  const y = area.y + area.height - RADIUS - 2;
  return xs.map((x) => (
    <path
      key={x}
      d={`M${x - RADIUS},${y - RADIUS}l${WIDTH},${WIDTH}M${x - RADIUS},${y + RADIUS}l${WIDTH},${-WIDTH}`}
      stroke={color}
      strokeWidth={1.5}
      fill="none"
      data-curtailed=""
    />
  ));
};
