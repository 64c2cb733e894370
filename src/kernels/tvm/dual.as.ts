/** ρ: how far each iteration goes beyond its own result (Eckstein and Bertsekas 1992). */
export const overRelaxation: f32 = 1.7;

/** b from e = b + (1 − ρ)d and g = d − b. */
export function scaledDual(e: v128, g: v128): v128 {
  return f32x4.mul(
    f32x4.add(e, f32x4.mul(f32x4.splat(overRelaxation - 1), g)),
    f32x4.splat(1 / (2 - overRelaxation)),
  );
}
