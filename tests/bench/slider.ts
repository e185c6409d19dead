import type { Page } from '@playwright/test';

/** Takes hold of the factor slider; returns what drags it to and fro, a move for each step. Release the mouse after. */
export const holdSlider = async (page: Page): Promise<(step: number) => Promise<void>> => {
  const slider = page.getByRole('slider', { name: 'Pruning factor' });
  await slider.scrollIntoViewIfNeeded();
  const track = await slider.boundingBox();
  if (track === null) throw new Error('the slider is not on the page');
  const along = (share: number): Promise<void> =>
    page.mouse.move(track.x + share * track.width, track.y + track.height / 2);
  await along(0.2);
  await page.mouse.down();
  return (step) => along(0.2 + 0.6 * Math.abs(1 - (step % 120) / 60));
};
