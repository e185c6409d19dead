import type { MetricName } from '../contract/task.ts';
import {
  bareFactor,
  formatBytes,
  formatCount,
  formatDifference,
  formatInterval,
  formatPercent,
  formatValue,
} from '../words/numbers.ts';

/** Rewrites words and numbers of charts and reports in characters that every terminal has and scripts can read. */
export const terminalText = (text: string): string =>
  text
    .replaceAll(/(?<=\d)\u202f(?=\d)/g, ',')
    .replaceAll('\u202f', ' ')
    .replaceAll(/[\u2212\u2013]/g, '-')
    .replaceAll('\u2265', '>=')
    .replaceAll('\u00d7', 'x')
    .replaceAll('\u2192', 'to')
    .replaceAll('\u03b4', 'delta')
    .replaceAll('\u2026', '...');

/** 1234567 -> "1,234,567". */
export const printedCount = (count: number): string => terminalText(formatCount(count));
export const printedBytes = (bytes: number): string => terminalText(formatBytes(bytes));
export const printedShare = (share: number): string => terminalText(formatPercent(share));
export const printedFactor = (factor: number): string => bareFactor(factor);
export const printedValue = (value: number, metric: MetricName): string => terminalText(formatValue(value, metric));
export const printedDifference = (value: number, metric: MetricName): string =>
  terminalText(formatDifference(value, metric));
export const printedInterval = (
  interval: { readonly low: number; readonly high: number },
  metric: MetricName,
): string => terminalText(formatInterval(interval, metric));
