// Cards: the disagreements that people should look at, with the picture where there is one.
// Flow: examples, images → [cards] → page.

import type { ComparisonReport } from '../../../../shared/comparison/report.ts';
import type { GreyImage } from '../image-of.ts';
import { type Markup, markup } from './markup.ts';
import { numberText } from './numbers.ts';
import { placeText, saidText } from './said.ts';

const CARDS_MAX = 24;
const BMP_HEAD_BYTES = 54 + 4 * 256;

export function cardsOf(report: ComparisonReport, images: ReadonlyMap<string, GreyImage>): Markup {
  const cards = report.examples.slice(0, CARDS_MAX).map((example) => {
    const image = images.get(example.source);
    const { request, prediction, shadow } = example.at;
    return markup`<article>${image !== undefined && picture(image, `Input of ${example.source}`)}
<h4>${example.source}</h4><p>v${example.liveVersion} said <b>${saidText(report, example, 'live')}</b><br>v${example.shadowVersion} said <b>${saidText(report, example, 'shadow')}</b></p>
<p class="dim">disagreement ${numberText(example.disagreement)}, ${example.why === 'worst' ? 'among the worst' : 'drawn at random'}<br>request ${placeText(request)}<br>prediction ${placeText(prediction)}<br>shadow ${placeText(shadow)}</p></article>
`;
  });
  return cards.length === 0 ? markup`` : markup`<h3>Worst disagreements</h3><div class="cards">${cards}</div>\n`;
}

function picture({ width, height, pixels }: GreyImage, title: string): Markup | null {
  if (width < 1 || height < 1 || pixels.length < width * height) return null;
  return markup`<img alt="${title}" width="112" src="data:image/bmp;base64,${bitmap(width, height, pixels)}">`;
}

/** An uncompressed BMP with 256 greys, base64. Rows stand bottom up, each filled to four bytes. */
function bitmap(width: number, height: number, pixels: Uint8Array): string {
  const stride = Math.ceil(width / 4) * 4;
  const bytes = new Uint8Array(BMP_HEAD_BYTES + stride * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, BMP_HEAD_BYTES, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true);
  for (let grey = 0; grey < 256; grey++) bytes.fill(grey, 54 + 4 * grey, 57 + 4 * grey);
  for (let row = 0; row < height; row++) {
    bytes.set(pixels.subarray(row * width, (row + 1) * width), BMP_HEAD_BYTES + (height - 1 - row) * stride);
  }
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
