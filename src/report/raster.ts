/** Renders an SVG document to PNG bytes, with `scale` pixels of the PNG per pixel of the SVG. Loads sharp. */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  // For librsvg, 72 dots per inch are scale 1.
  return await sharp(Buffer.from(svg), { density: 72 * scale })
    .flatten({ background: '#ffffff' })
    .png()
    .toBuffer();
}
