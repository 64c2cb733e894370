/** Renders an SVG document to PNG bytes, `scale` pixels of the PNG to a pixel of the SVG. Loads sharp. */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  // librsvg takes 72 dots to the inch as scale 1.
  return await sharp(Buffer.from(svg), { density: 72 * scale })
    .flatten({ background: '#ffffff' })
    .png()
    .toBuffer();
}
