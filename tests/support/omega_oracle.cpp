#include "support/omega_oracle.h"

#include <algorithm>
#include <string>

namespace clipsweep {

OmegaOracle::OmegaOracle(Span<const float> row, const ParameterLayout& layout, const Batch& batch,
                         int source, double limit)
    : row_(row.begin(), row.end()),
      layout_(layout),
      batch_(batch),
      limit_(limit),
      inputs_(batch.keeps_symbols ? one_hot_inputs(batch) : batch.inputs) {
  for (int b = 0; b < batch.size; ++b) {
    const int steps = batch.time_steps - sample_at(source, b).start;
    losses_ += batch.target == Target::kClassEachStep ? steps
               : batch.target == Target::kNumber      ? batch.numbers
                                                      : 1;
    pair_count_ += layout.model.layers * (steps - 1);
  }
  for (int b = 0; b < batch.size; ++b) add_pairs(sample_at(source, b));
}

OmegaOracle::Sample OmegaOracle::sample_at(int source, int b) const {
  const auto sample = static_cast<std::size_t>(b);
  const std::size_t block = static_cast<std::size_t>(source) * batch_.blocks() + sample / kLanes;
  const std::size_t lane = sample % kLanes;
  return {block, lane, batch_.starts.empty() ? 0 : batch_.starts[block * kLanes + lane]};
}

OmegaOracle::Numbers OmegaOracle::input(const Sample& sample, int t) const {
  Numbers x;
  const auto steps = static_cast<std::size_t>(batch_.time_steps);
  const auto size = static_cast<std::size_t>(batch_.input_size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t at = (sample.block * steps + static_cast<std::size_t>(t)) * size + i;
    x.push_back(static_cast<double>(inputs_[at * kLanes + sample.lane]));
  }
  return x;
}

std::size_t OmegaOracle::offset(const char* name, int layer) const {
  const std::string suffix = layer > 0 ? "_l" + std::to_string(layer) : "";
  return layout_.tensor(name + suffix).offset;
}

double OmegaOracle::weight(const char* name, int layer, int unit, int column) const {
  const std::string suffix = layer > 0 ? "_l" + std::to_string(layer) : "";
  const ParameterTensor& tensor = layout_.tensor(name + suffix);
  return row_[tensor.offset + static_cast<std::size_t>(unit * tensor.shape[1] + column)];
}

// Of the mean loss with respect to the outputs [O] of time step t, from the top layer's h_t.
OmegaOracle::Numbers OmegaOracle::output_derivatives(const Sample& sample, int t,
                                                     const Numbers& h) const {
  const Model& model = layout_.model;
  const bool each_step = model.target == Target::kClassEachStep;
  Numbers outputs(static_cast<std::size_t>(model.outputs));
  if (!each_step && t + 1 < batch_.time_steps) return outputs;
  for (int k = 0; k < model.outputs; ++k) {
    double& y = outputs[static_cast<std::size_t>(k)];
    y = row_[layout_.tensor("output.bias").offset + static_cast<std::size_t>(k)];
    for (int j = 0; j < model.hidden; ++j)
      y += weight("output.weight", 0, k, j) * h[static_cast<std::size_t>(j)];
  }
  if (model.target == Target::kNumber) {
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const float target =
          batch_.targets[(sample.block * outputs.size() + k) * kLanes + sample.lane];
      outputs[k] = 2 * (outputs[k] - static_cast<double>(target)) / losses_;
    }
    return outputs;
  }
  const auto steps = static_cast<std::size_t>(each_step ? batch_.time_steps : 1);
  const std::size_t row = sample.block * steps + (each_step ? static_cast<std::size_t>(t) : 0);
  const auto label = static_cast<std::size_t>(batch_.labels[row * kLanes + sample.lane]);
  double sum = 0;
  for (const double y : outputs) sum += std::exp(y);
  for (std::size_t k = 0; k < outputs.size(); ++k)
    outputs[k] = (std::exp(outputs[k]) / sum - (k == label ? 1 : 0)) / losses_;
  return outputs;
}

void OmegaOracle::add_pairs(const Sample& sample) {
  const Model& model = layout_.model;
  const auto hidden = static_cast<std::size_t>(model.hidden);
  const bool is_tanh = model.cell == Cell::kRnnTanh;
  const auto steps = static_cast<std::size_t>(batch_.time_steps);
  const auto layers = static_cast<std::size_t>(model.layers);
  // h of each layer before and after each time step, [L][T + 1][H]
  std::vector<std::vector<Numbers>> h(layers, std::vector<Numbers>(steps + 1, Numbers(hidden)));
  for (int t = sample.start; t < batch_.time_steps; ++t) {
    const auto step = static_cast<std::size_t>(t);
    Numbers x = input(sample, t);
    for (int layer = 0; layer < model.layers; ++layer) {
      auto& states = h[static_cast<std::size_t>(layer)];
      for (int unit = 0; unit < model.hidden; ++unit) {
        double a = row_[offset("rnn.bias", layer) + static_cast<std::size_t>(unit)];
        for (std::size_t i = 0; i < x.size(); ++i)
          a += weight("rnn.weight_ih", layer, unit, static_cast<int>(i)) * x[i];
        for (std::size_t j = 0; j < hidden; ++j)
          a += weight("rnn.weight_hh", layer, unit, static_cast<int>(j)) * states[step][j];
        states[step + 1][static_cast<std::size_t>(unit)] =
            is_tanh ? std::tanh(a) : std::max(a, 0.0);
      }
      x = states[step + 1];
    }
  }
  std::vector<Numbers> u(layers, Numbers(hidden));  // of time step t + 1, zeros after the last one
  for (int t = batch_.time_steps - 1; t >= sample.start; --t) {
    const auto after = static_cast<std::size_t>(t) + 1;
    const Numbers outputs = output_derivatives(sample, t, h.back()[after]);
    for (int layer = model.layers - 1; layer >= 0; --layer) {
      const auto l = static_cast<std::size_t>(layer);
      Numbers error(hidden);
      for (int j = 0; j < model.hidden; ++j) {
        double& e = error[static_cast<std::size_t>(j)];
        for (int unit = 0; unit < model.hidden; ++unit)
          e += weight("rnn.weight_hh", layer, unit, j) * u[l][static_cast<std::size_t>(unit)];
        if (layer + 1 < model.layers)
          for (int unit = 0; unit < model.hidden; ++unit)
            e += weight("rnn.weight_ih", layer + 1, unit, j) *
                 u[l + 1][static_cast<std::size_t>(unit)];
        else
          for (int k = 0; k < model.outputs; ++k)
            e += weight("output.weight", 0, k, j) * outputs[static_cast<std::size_t>(k)];
        e = std::clamp(e, -limit_, limit_);
      }
      for (std::size_t j = 0; j < hidden; ++j) {
        const double state = h[l][after][j];
        const double slope = is_tanh ? 1 - state * state : state > 0 ? 1 : 0;
        u[l][j] = error[j] * slope;
      }
      if (t > sample.start) pairs_.push_back({layer, u[l], error});
    }
  }
}

double OmegaOracle::omega_at(const Numbers& row) const {
  const auto hidden = static_cast<std::size_t>(layout_.model.hidden);
  double sum = 0;
  for (const auto& [layer, u, error] : pairs_) {
    const double* const weight_hh = row.data() + offset("rnn.weight_hh", layer);
    double error_square = 0, passed_square = 0;
    for (std::size_t j = 0; j < hidden; ++j) {
      double v = 0;
      for (std::size_t unit = 0; unit < hidden; ++unit) v += weight_hh[unit * hidden + j] * u[unit];
      passed_square += v * v;
      error_square += error[j] * error[j];
    }
    if (error_square >= 1e-20) sum += std::pow(std::sqrt(passed_square / error_square) - 1, 2);
  }
  return pair_count_ > 0 ? sum / pair_count_ : 0;
}

std::vector<double> OmegaOracle::derivative() const {
  // Where the truncation and the rounding of the difference are both about 1e-10.
  constexpr double kStep = 1e-5;
  Numbers derivative(row_.size());
  for (const auto& tensor : layout_.tensors) {
    if (!is_recurrent(tensor)) continue;
    for (std::size_t i = tensor.offset; i < tensor.offset + tensor.size(); ++i) {
      Numbers above = row_, below = row_;
      above[i] += kStep;
      below[i] -= kStep;
      derivative[i] = (omega_at(above) - omega_at(below)) / (2 * kStep);
    }
  }
  return derivative;
}

}  // namespace clipsweep
