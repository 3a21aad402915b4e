using System.Security.Cryptography;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Access;

/// <summary>
/// Checks passwords against bcrypt. That is slow on purpose: what was right is remembered for some minutes (not the
/// password), few are checked at once, and an address that guesses is put off. A name that nobody has takes as long.
/// </summary>
internal sealed class Passwords(HtpasswdFile users, FailedLogins failures, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan s_remembered = TimeSpan.FromMinutes(5);

    private readonly ExpiringCache<object> _right = new(time, 10_000);
    private readonly SemaphoreSlim _checking = new(Math.Max(1, Environment.ProcessorCount / 2));
    private volatile Unknown? _unknown;

    /// <summary>The hash that the password was found to belong to; null when it is not the user's, or there is no such user.</summary>
    /// <exception cref="RefusedException">The address has been wrong too often.</exception>
    public async Task<string?> CheckAsync(string name, string password, string address, CancellationToken cancellationToken)
    {
        string? hash = users.Find(name);
        string remembered = $"{name}\n{hash}\n{password}";
        if (hash is not null && _right.Find(remembered) is not null)
        {
            return hash;
        }

        await _checking.WaitAsync(cancellationToken);
        try
        {
            // Another request may have waited for the same.
            if (hash is not null && _right.Find(remembered) is not null)
            {
                return hash;
            }

            // Taken beforehand, so that guesses that come together count together.
            failures.Take(address);
            bool isRight = await Task.Run(() => Verify(password, hash, HashOfNobody()), cancellationToken);
            if (!isRight)
            {
                return null;
            }

            failures.GiveBack(address);
            _right.Add(remembered, _right, time.GetUtcNow() + s_remembered);
            return hash;
        }
        finally
        {
            _checking.Release();
        }
    }

    public void Dispose() => _checking.Dispose();

    private static bool Verify(string password, string? hash, string hashOfNobody)
    {
        try
        {
            return BCrypt.Net.BCrypt.Verify(password, hash ?? hashOfNobody) && hash is not null;
        }
        catch (Exception error) when (error is ArgumentException or BCrypt.Net.SaltParseException or BCrypt.Net.HashInformationException)
        {
            return false;
        }
    }

    /// <summary>The hash of what nobody knows, of the same cost as those in the file.</summary>
    private string HashOfNobody()
    {
        int cost = users.Cost();
        if (_unknown is not { } made || made.Cost != cost)
        {
            made = new Unknown(cost, BCrypt.Net.BCrypt.HashPassword(RandomNumberGenerator.GetHexString(32), cost));
            _unknown = made;
        }

        return made.Hash;
    }

    private sealed record Unknown(int Cost, string Hash);
}
