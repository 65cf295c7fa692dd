/* numbers.h: elementary functions of the numbers that a spec computes with. Each is computed to about 100
 * bits by float64 additions, multiplications and fused multiplications alone, in an order that is written
 * down here, and rounded once: the same on every machine, and the float64 next to the true value but where
 * that lies within 2^-40 of the middle between two. What the operators of the model compute is another matter
 * (runtime/kernels/math.h). */
#ifndef TERN_FRONTEND_LANGUAGE_NUMBERS_H
#define TERN_FRONTEND_LANGUAGE_NUMBERS_H

double number_exp(double x);
double number_log(double x); /* NaN below 0 */
/* NaN from 2^30 on, where the digits of pi that are here run out. */
double number_sin(double x);
double number_cos(double x);
/* As C has it where an operand is 0, 1, infinite or NaN, or a is negative. */
double number_pow(double a, double b);

#endif
