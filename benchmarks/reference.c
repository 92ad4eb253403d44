/* The training of a small net by hand, in C: what the compiled engine is measured by.

   ReLU layers, softmax, cross-entropy on labels, float32. Batches are trained by SGD or Adam, single
   samples by SGD, where each weight is changed in the same pass that carries the delta down, so that
   dW is never stored. Sizes are known at run time only. All memory is the caller's, and used again.
   gcc -O3 -march=native -ffast-math makes vector instructions of every loop over k.

   A layer has i inputs x and o units y; W[j*o + k] leads from input j to unit k. All parameters lie
   in one vector: W and b of the first layer, W and b of the next, and so on. `room` holds the inputs
   and the outputs of every layer for a batch; going back, deltas take the place of outputs. */

#include <math.h>

enum { LAYERS = 32, SGD = 0, ADAM = 1 };

typedef struct {
    int layers, batch, kind;
    const int *sizes;
    float *w, *dw, *m, *v, *room; /* dw for batches; m and v, zero at first, for Adam */
    float learning_rate, beta_1, beta_2, epsilon;
    double power_1, power_2; /* 1 at first */
} Net;

/* y += sum of x[j*stride] W[j], four rows of W at a time: y is loaded and stored a fourth as often. */
static void add_rows(float *restrict y, const float *restrict x, int stride, const float *restrict W,
                     int n, int o)
{
    int j = 0;
    for (; j + 4 <= n; j += 4, W += 4 * o, x += 4 * stride) {
        const float a = x[0], b = x[stride], c = x[2 * stride], d = x[3 * stride];
        for (int k = 0; k < o; k++)
            y[k] += a * W[k] + b * W[o + k] + c * W[2 * o + k] + d * W[3 * o + k];
    }
    for (; j < n; j++, W += o, x += stride)
        for (int k = 0; k < o; k++) y[k] += *x * W[k];
}

/* The outputs of all layers for the n rows in out[0]. */
static void forward(const Net *net, float **W, float **b, float **out, int n)
{
    for (int l = 0; l < net->layers; l++) {
        const int i = net->sizes[l], o = net->sizes[l + 1], hidden = l < net->layers - 1;
        for (int r = 0; r < n; r++) {
            float *restrict y = out[l + 1] + r * o;
            for (int k = 0; k < o; k++) y[k] = b[l][k];
            add_rows(y, out[l] + r * i, 1, W[l], i, o);
            if (hidden)
                for (int k = 0; k < o; k++) y[k] = y[k] > 0 ? y[k] : 0;
        }
    }
}

/* The loss of a sample. Its net activation becomes the delta, (softmax - target) * share. */
static float cross_entropy(float *restrict y, int o, int label, float share)
{
    float peak = y[0], sum = 0;
    for (int k = 1; k < o; k++) peak = y[k] > peak ? y[k] : peak;
    const float own = y[label] - peak;
    for (int k = 0; k < o; k++) sum += y[k] = expf(y[k] - peak);
    const float factor = share / sum;
    for (int k = 0; k < o; k++) y[k] *= factor;
    y[label] -= share;
    return logf(sum) - own;
}

/* Back by a single sample: the delta of the layer below, and W and b changed in the same pass. */
static void backward_sample(const Net *net, float **W, float **b, float **out)
{
    const float rate = net->learning_rate;
    for (int l = net->layers - 1; l >= 0; l--) {
        const int i = net->sizes[l], o = net->sizes[l + 1];
        const float *restrict delta = out[l + 1];
        float *restrict V = W[l], *restrict c = b[l], *restrict x = out[l];
        for (int k = 0; k < o; k++) c[k] -= rate * delta[k];
        for (int j = 0; j < i; j++, V += o) {
            const float change = rate * x[j];
            float sum = 0;
            if (l == 0) {
                for (int k = 0; k < o; k++) V[k] -= change * delta[k];
            } else {
                for (int k = 0; k < o; k++) sum += delta[k] * V[k], V[k] -= change * delta[k];
                x[j] = x[j] > 0 ? sum : 0;
            }
        }
    }
}

/* Back by a batch: dW and db of each layer, and the deltas of the one below. */
static void backward(const Net *net, float **W, float **out, float **dW, float **db, int n)
{
    for (int l = net->layers - 1; l >= 0; l--) {
        const int i = net->sizes[l], o = net->sizes[l + 1];
        for (int k = 0; k < i * o + o; k++) dW[l][k] = 0; /* db too, which follows */
        for (int j = 0; j < i; j++) add_rows(dW[l] + j * o, out[l] + j, i, out[l + 1], n, o);
        for (int r = 0; r < n; r++) {
            const float *restrict delta = out[l + 1] + r * o, *restrict V = W[l];
            float *restrict x = out[l] + r * i, *restrict c = db[l];
            for (int k = 0; k < o; k++) c[k] += delta[k];
            for (int j = 0; l > 0 && j < i; j++, V += o) {
                float sum = 0;
                for (int k = 0; k < o; k++) sum += delta[k] * V[k];
                x[j] = x[j] > 0 ? sum : 0;
            }
        }
    }
}

static void update(Net *net, int count)
{
    float *restrict w = net->w, *restrict m = net->m, *restrict v = net->v;
    const float *restrict dw = net->dw, rate = net->learning_rate, epsilon = net->epsilon;
    const float new_1 = 1 - net->beta_1, new_2 = 1 - net->beta_2;
    if (net->kind == SGD) {
        for (int k = 0; k < count; k++) w[k] -= rate * dw[k];
        return;
    }
    net->power_1 *= net->beta_1, net->power_2 *= net->beta_2;
    const float alpha = rate * sqrt(1 - net->power_2) / (1 - net->power_1);
    for (int k = 0; k < count; k++) {
        m[k] += new_1 * (dw[k] - m[k]);
        v[k] += new_2 * (dw[k] * dw[k] - v[k]);
        w[k] -= alpha * m[k] / (sqrtf(v[k]) + epsilon);
    }
}

/* An epoch over the rows of X in that order, a multiple of the batch. Returns the mean loss. */
double train(Net *net, const float *X, const int *labels, const int *order, int rows)
{
    const int layers = net->layers, n = net->batch, *sizes = net->sizes, i = sizes[0], o = sizes[layers];
    float *W[LAYERS], *b[LAYERS], *dW[LAYERS], *db[LAYERS], *out[LAYERS + 1] = {net->room};
    int count = 0;
    double total = 0;
    for (int l = 0; l < layers; l++) {
        const int weights = sizes[l] * sizes[l + 1];
        W[l] = net->w + count, dW[l] = net->dw + count, b[l] = W[l] + weights, db[l] = dW[l] + weights;
        out[l + 1] = out[l] + n * sizes[l];
        count += weights + sizes[l + 1];
    }
    for (int start = 0; start < rows; start += n) {
        for (int r = 0; r < n; r++)
            for (int j = 0; j < i; j++) out[0][r * i + j] = X[(long)order[start + r] * i + j];
        forward(net, W, b, out, n);
        for (int r = 0; r < n; r++)
            total += cross_entropy(out[layers] + r * o, o, labels[order[start + r]], 1.0f / n);
        if (n == 1 && net->kind == SGD) {
            backward_sample(net, W, b, out);
        } else {
            backward(net, W, out, dW, db, n);
            update(net, count);
        }
    }
    return total / rows;
}
