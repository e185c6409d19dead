import { TemplateFault } from './template-fault.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const two = (value: number): string => String(value).padStart(2, '0');

/** Python's strftime in local time and English, for the directives that chat templates use. */
export const formatTime = (time: Date, form: string): string =>
  form.replace(/%(-?)(.?)/gs, (whole: string, dash: string, sign: string) => {
    const hour = time.getHours() % 12 === 0 ? 12 : time.getHours() % 12;
    const numbers: ReadonlyMap<string, number> = new Map([
      ['d', time.getDate()],
      ['m', time.getMonth() + 1],
      ['H', time.getHours()],
      ['I', hour],
      ['M', time.getMinutes()],
      ['S', time.getSeconds()],
      ['y', time.getFullYear() % 100],
    ]);
    const number = numbers.get(sign);
    if (number !== undefined) return dash === '-' ? String(number) : two(number);
    const texts: ReadonlyMap<string, string> = new Map([
      ['Y', String(time.getFullYear())],
      ['A', DAYS[time.getDay()] ?? ''],
      ['a', (DAYS[time.getDay()] ?? '').slice(0, 3)],
      ['B', MONTHS[time.getMonth()] ?? ''],
      ['b', (MONTHS[time.getMonth()] ?? '').slice(0, 3)],
      ['p', time.getHours() < 12 ? 'AM' : 'PM'],
      ['%', '%'],
    ]);
    const text = dash === '' ? texts.get(sign) : undefined;
    if (text === undefined)
      throw new TemplateFault(
        `the directive ${whole} of strftime_now() is not supported`,
        'Use %Y, %m, %d, %B, %b, %A, %a, %H, %I, %M, %S, %p or %y.',
      );
    return text;
  });
