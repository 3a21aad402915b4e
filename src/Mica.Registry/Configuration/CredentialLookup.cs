using System.Collections.Immutable;

namespace Mica.Registry;

/// <summary>Where a credential is kept.</summary>
/// <param name="File">The file whose entry or configuration it is; <c>DOCKER_AUTH_CONFIG</c> for the variable.</param>
/// <param name="Program">The helper that has the secret; null when it stands in the file.</param>
public sealed record CredentialPlace(string File, string? Program)
{
    /// <summary>The file, or the helper and the file that names it.</summary>
    public override string ToString() => Program is null ? File : $"{Program} (from {File})";
}

/// <summary>What one place had to say.</summary>
public enum CredentialOutcome
{
    /// <summary>The file does not exist.</summary>
    NoFile,

    /// <summary>The file says nothing about the registry.</summary>
    NoEntry,

    /// <summary>The entry, or the helper, is there and has no credential.</summary>
    Empty,

    /// <summary>The credential that is used.</summary>
    Found,
}

/// <summary>One place that was looked at.</summary>
/// <param name="Place">The file, and the helper if one was asked.</param>
/// <param name="Entry">The key that matched, as it is spelled there; null when none did.</param>
/// <param name="Outcome">What was there.</param>
public sealed record CredentialLookupStep(CredentialPlace Place, string? Entry, CredentialOutcome Outcome);

/// <summary>A credential with the way to it: every place that was looked at, in order. The last one has it, if any has.</summary>
/// <param name="Credential">Null when no place has one.</param>
/// <param name="Steps">Not empty unless no place is configured.</param>
public sealed record CredentialLookup(Credential? Credential, ImmutableArray<CredentialLookupStep> Steps);

/// <summary>An account that is logged in.</summary>
/// <param name="Registry"><c>host[/path]</c>, <c>docker.io</c> for Docker Hub.</param>
/// <param name="Username">Empty for tokens.</param>
/// <param name="Place">Where its credential is kept.</param>
public sealed record CredentialAccount(string Registry, string Username, CredentialPlace Place);
