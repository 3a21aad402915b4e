namespace Mica.Registry;

/// <summary>What a request is for, in the words of an error.</summary>
internal enum RegistryAction
{
    Pull,
    Push,
    Delete,
    List,
    Login,
}

/// <summary>What an error names: the thing, the repository as docker shows it, and the host that was asked.</summary>
internal sealed record RequestSubject(RegistryAction Action, string Object, string Repository, string Host);
