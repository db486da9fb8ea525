// What the engines are measured against: one run as a tutorial writes it, with torch::nn::LSTM.
#pragma once

#include "clipsweep/image_data.h"

namespace clipsweep {

// Trains one run of the classic example (batches of 32 pictures, 10 units, clip_grad_norm_, SGD)
// for so many steps: forward, loss, backward, clip, update. Returns seconds a step. One thread.
double seconds_per_lstm_step(const ImageSet& images, int hidden, int batch_size, int steps);

}  // namespace clipsweep
