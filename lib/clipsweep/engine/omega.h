// Omega, the regularizer of Pascanu, Mikolov and Bengio ("On the difficulty of training recurrent
// neural networks", 2013, equations 9 and 10), for plain cells. It is small where the error keeps
// its norm on its way back through time, so that it neither vanishes nor explodes. For one layer
// and one sample:
//
//   h_t = f(a_t),  a_t = W_ih x_t + W_hh h_{t-1} + b           [H]
//   u_t = dE/da_t                                              [H]
//   v_t = W_hh' u_t, the part of dE/dh_{t-1} that comes back through time   [H]
//   r_t = |v_t| / |dE/dh_t|
//   Omega = the mean of (r_t - 1)^2 over all pairs of consecutive time steps (t = 2 to T) of all
//           samples and layers
//
// E is the mean loss of the batch; in mode `backprop`, dE/dh_t is the limited derivative. The
// gradient gets the factor times the *immediate* derivative of Omega: with respect to W_hh alone
// and with u_t and dE/dh_t held constant, so that
//
//   dW_hh += sum over pairs of u_t (c v_t)',  c = factor * 2 (r_t - 1) / (pairs |v_t| |dE/dh_t|)
//
// A pair whose error has vanished, |dE/dh_t|^2 < 1e-20, counts as 0. Where v_t is zero, r_t has no
// derivative, and c v_t is zero. Sequences of one time step have no pair: Omega is 0.
//
// As in the authors' code (github.com/pascanur/trainingRNNs), Omega is a mean; in the paper it is a
// sum. The norms are those of the paper: the authors' code has their squares, so that near r_t = 1
// its Omega is 4 times this one. It also divides by the number of pairs that have not vanished, and
// counts the pair of the first time step and the initial state.
#pragma once

#include <stdexcept>

#include "clipsweep/model/model.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {

// The square of |dE/dh_t| below which a pair counts as 0.
inline constexpr double kVanishedErrorSquare = 1e-20;

// The number of pairs of a source: of T - 1 time steps of each sample and layer, or less where the
// samples differ in length.
inline double omega_pairs(const Model& model, const Batch& batch, int source) {
  return model.layers * (static_cast<double>(batch.steps_of(source)) - batch.size);
}

// Throws std::logic_error if the model has a factor, but its cell has no Omega.
inline void check_omega(const Model& model) {
  if (model.omega != 0 && !cell_entry(model.cell).has_omega)
    throw std::logic_error("check_omega: the cell has no Omega");
}

}  // namespace clipsweep
