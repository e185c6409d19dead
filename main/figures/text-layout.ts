/** Mean width of a character of a sans-serif face, as a share of the font size: wide enough for all but capitals. */
const CHARACTER_WIDTH = 0.54;

/** Estimated width of a line in pixels: figures are laid out without a font at hand. */
export const textWidth = (text: string, fontSize: number): number => text.length * CHARACTER_WIDTH * fontSize;

/** Breaks a text into lines of at most `width` pixels, at spaces; a longer word has a line to itself. */
export const wrapText = (text: string, width: number, fontSize: number): string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && textWidth(longer, fontSize) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, line];
};

/** Cuts a text to a width, with an ellipsis where something is missing. */
export const fitText = (text: string, width: number, fontSize: number): string => {
  if (textWidth(text, fontSize) <= width) return text;
  const room = Math.max(1, Math.floor(width / (CHARACTER_WIDTH * fontSize)) - 1);
  return `${text.slice(0, room)}\u2026`;
};
