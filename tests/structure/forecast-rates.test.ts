import { expect, it } from 'vitest';
import { FORECAST_CUT, FORECAST_FACTORS, forecastRecord } from '../../main/evaluation/written-forecast.ts';
import { forecastRecordCurves } from './recorded-tables.ts';
import { heldOutCounts, learnedCut } from './forecast-rates.ts';

it('the cut of the forecast, and how often it is right, are what the records give', async () => {
  const curves = await forecastRecordCurves();
  expect(Number(learnedCut(curves).toPrecision(2))).toBe(FORECAST_CUT);
  const measured = curves.flatMap(({ points }) => points.map(({ factor }) => factor));
  expect(measured).toEqual(expect.arrayContaining([...FORECAST_FACTORS]));
  const counts = Object.entries<number>({ ...heldOutCounts(curves, curves) }).map(([name, mean]) => [
    name,
    Math.round(mean),
  ]);
  expect({ curves: curves.length, ...Object.fromEntries(counts) }).toEqual(forecastRecord);
});
