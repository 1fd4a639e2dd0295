/* What CMSIS-DSP's headers name of a C library's math.h. Nothing that is called here needs a function of it. */
#ifndef SEDGE_MATH_H
#define SEDGE_MATH_H

float sqrtf(float x);
float fabsf(float x);
float sinf(float x);
float cosf(float x);
float expf(float x);
float logf(float x);
float powf(float x, float y);
double fabs(double x);
double sqrt(double x);
double pow(double x, double y);

#endif
