/**
 * What the JVM is shown when Rafter is built, so that it starts faster: a short life of the daemon, from which it learns which classes are
 * needed (JEP 483, 514, 515).
 */
@NullMarked
package dev.rafter.deploy.training;

import org.jspecify.annotations.NullMarked;
